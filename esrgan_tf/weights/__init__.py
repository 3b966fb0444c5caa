"""Reading and writing generators and other networks' weights."""
