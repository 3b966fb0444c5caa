"""SavedModels for TF Serving: write and run."""
