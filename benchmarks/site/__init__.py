"""The Django project that the benchmark serves: what `startproject` writes, our app, a floor, and the peers."""
