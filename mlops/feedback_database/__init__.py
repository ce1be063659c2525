"""What was shown and what users did, out of the spools of one or many processes into one database."""
