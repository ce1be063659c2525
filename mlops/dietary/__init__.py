"""What recipes contain, read from their ingredient lines: allergens and diets."""

from mlops.dietary.derive import DietaryRules

__all__ = ["DietaryRules"]
