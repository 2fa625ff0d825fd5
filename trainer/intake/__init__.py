"""Brings pictures of any data set into the layout that trains; which picture goes where is told by a job."""
