"""A small shop that takes crypto payments: the example to read, run (`make demo`) and copy from."""
