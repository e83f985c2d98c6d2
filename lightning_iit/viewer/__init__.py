"""The viewer: serves records to one front end, as a page of its own, as a tab in TensorBoard, or inside one HTML file.

Records come from a log directory, from TensorBoard or from MLflow.
"""
