"""Packages that libraries import to find out about their kernel, in our terms."""
