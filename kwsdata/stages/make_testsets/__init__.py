"""Stage `make_testsets`: continuous streams of dev and test with the exact time of every keyword."""
