"""The fleet chapters: as many homes as are asked for, resampled from the real ones, settled by sampling, and a lie that is caught."""
