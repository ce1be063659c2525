"""Spanish and English both ways: detection, translators behind one Protocol, the culinary glossary."""
