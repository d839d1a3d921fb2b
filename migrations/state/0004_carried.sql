-- What hung on the table at the cutover and was carried over: the statements that did it, and those that follow it.

ALTER TABLE crossfade.runs ADD COLUMN carried jsonb;
