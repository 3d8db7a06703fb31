"""Stage `report`: one page that says what was measured, lets one hear it, and says what it does not prove."""
