"""The resources people write: `Model`, `ModelVersion`, `ModelApproval`; one parser, and the status kept on them."""
