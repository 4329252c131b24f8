"""What is measured: each module has one function that runs one measurement and returns its rows."""
