"""The rules of the product: pure functions over values, without environment, clock or input and output."""
