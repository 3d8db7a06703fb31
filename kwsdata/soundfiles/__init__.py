"""Sound files: which files are sound, how folders are walked, and how any of them is read, block by block.

    formats.py    the one list of formats: suffixes, first bytes, who decodes them
    folders.py    the sound files of a folder: links, pipes, system files, names in any encoding
    layout.py     where the samples lie in WAV, W64, AIFF, CAF, AU: cut short, or sizes that a writer never filled in
    ogg.py        pages of Ogg: what breaks off, and what follows another file
    reader.py     `open_sound`: a file or its bytes, as blocks
    streams.py    WAV and raw sound that come through a pipe
    ffmpeg.py     formats that only ffmpeg reads

Memory does not grow with a file. Messages name no path, so that they are the same on every machine.
"""
