"""The resources people write (`Model`, `ModelVersion`, `ModelApproval`): frozen values, one parser, and the status kept on them."""
