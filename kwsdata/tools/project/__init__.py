"""A project of the user's own: a git and DVC repository of small files, made and upgraded by the installed package.

    params.yaml     what one changes in a week; params/ holds the other numbers, as in this repository
    dvc.yaml        the pipeline: this repository's, with the version of each stage's code in place of its source files
    code.yaml       these versions: `stages.NAME` is a DVC param of stage NAME
    data/, review/  as in this repository

An upgraded package changes nothing by itself: `kwsdata upgrade` writes the new versions, and DVC runs those stages
again whose version is another. A stage refuses to run as long as code.yaml has not the version of the installed code.
"""
