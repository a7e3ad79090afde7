"""The British chapter: half-hourly homes, an October under `gb-bl01` with the night of 25 hours, and a statement for every party.

The homes' readings are real (`homes.py` says whose and when), their batteries are modelled, as everywhere in the demonstration.
"""
