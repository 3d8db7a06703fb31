"""Stage `augment`: versioned copies of every train clip, each a pure function of its recipe."""
