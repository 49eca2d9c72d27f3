"""The doors: they translate between HTTP and the desks, and decide nothing."""
