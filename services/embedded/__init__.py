"""The one-machine size: `footnote up` and the parts that production takes from elsewhere."""
