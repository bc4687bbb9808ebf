"""The image of production as containers. Not in CI: the images that it is built from come from outside."""
