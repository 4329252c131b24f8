"""HTTP routes of webhook endpoints, their deliveries and the default secret of a project."""
