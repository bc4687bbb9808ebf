"""`footnote reindex`: a new generation of the index, built beside the one in use, compared with it, switched to.

    begin -> build -> compare -> switch -> the one before stays for a rollback

Nothing is parsed again: the texts are those that citations point into. Ingestion, searches and deletions go on all the
while. Knows nothing of settings; what is printed is in `report.py`.
"""
