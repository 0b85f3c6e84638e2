package bedrock

// figures are what one side says of what was used: the provider, or AWS.
type figures struct {
	Tokens
	hasInput, hasOutput, hasRead, hasWrite bool
	// cached is the part of Input that was read from the cache, in the shapes
	// that count it in; Tokens do not.
	cached int64
	// five and hour are what was written to the cache to be kept for so long,
	// where the writes are split; CacheWrite is all of them until finished.
	five, hour int64
	split      bool
}

// finished makes of figures what Tokens mean. A part is never more than the
// whole: where it is said to be, the larger counts, and of what was read from
// the cache it cannot be.
func (f figures) finished() (figures, bool) {
	if f.cached > f.Input {
		return f, false
	}
	f.Input, f.CacheRead, f.cached = f.Input-f.cached, f.CacheRead+f.cached, 0
	return f, true
}

// tokens splits the writes to the cache by how long they are kept.
func (f figures) tokens() Tokens {
	t := f.Tokens
	t.CacheWriteHour = f.hour
	t.CacheWrite = max(t.CacheWrite-f.hour, f.five, 0)
	return t
}

// most takes the larger of every figure, and reports whether they differ.
func (f figures) most(o figures) (figures, bool) {
	differ := f.Tokens != o.Tokens || f.split && o.split && (f.hour != o.hour || f.five != o.five)
	return figures{
		Tokens: Tokens{
			Input: max(f.Input, o.Input), Output: max(f.Output, o.Output),
			CacheRead: max(f.CacheRead, o.CacheRead), CacheWrite: max(f.CacheWrite, o.CacheWrite),
		},
		hasInput: f.hasInput || o.hasInput, hasOutput: f.hasOutput || o.hasOutput, hasRead: f.hasRead || o.hasRead, hasWrite: f.hasWrite || o.hasWrite,
		cached: max(f.cached, o.cached), five: max(f.five, o.five), hour: max(f.hour, o.hour), split: f.split || o.split,
	}, differ
}

// instead are AWS's figures in the place of a provider's. What AWS leaves out,
// such as how writes to the cache are split, stays as the provider said.
func (f figures) instead(provider figures) figures {
	if !f.hasRead {
		f.CacheRead = provider.CacheRead
	}
	if !f.hasWrite {
		f.CacheWrite = provider.CacheWrite
	}
	if !f.hasInput {
		f.Input, f.hasInput = provider.Input, provider.hasInput
	}
	if !f.hasOutput {
		f.Output, f.hasOutput = provider.Output, provider.hasOutput
	}
	if !f.split && provider.split {
		f.split, f.hour = true, min(provider.hour, f.CacheWrite)
	}
	return f
}

// For is what to charge for: where a request asked for the cache to be kept for
// an hour, and nobody says which writes were, all of them were.
func (u Usage) For(l Load) Tokens {
	t := u.Tokens
	if l.CacheHour && !u.Split {
		t.CacheWrite, t.CacheWriteHour = 0, t.CacheWrite
	}
	return t
}
