"""The registry: what exists, who may read it, what is still to do. The only folder that imports SQLAlchemy."""
