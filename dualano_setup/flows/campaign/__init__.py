"""`dualano-doctor campaign`: a data set's anomalies through the same steps, wherever there is a GPU."""
