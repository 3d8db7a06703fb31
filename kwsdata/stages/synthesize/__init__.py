"""The embedded default data: a wake word spoken from its text alone, what sounds like it, sentences and noise, offline.

engines/       text to sound, behind one protocol (`engines.base`): Kokoro, eSpeak NG, Piper
phonemes       the alphabet, phonetic features and the edit distance
pronounce      text to phonemes: the dictionary of 180 000 English words, and G2P
confusables    words and word pairs that sound like the keyword, by that distance
partials       the keyword's beginnings and ends, cut at syllables
sentences      general speech from a grammar over common words
plan           who says what, how: every draw
render         the plan in batches, cached and resumable
gate           what counts as failed synthesis; where the voice begins and ends
noises         hum, hiss, clicks, music-like and traffic-like sound
stage          all of it, as two corpora under data/synthetic
"""
