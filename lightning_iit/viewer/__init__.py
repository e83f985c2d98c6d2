"""The viewer: records from a log directory, TensorBoard or MLflow, served to one front end in three homes."""
