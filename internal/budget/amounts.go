package budget

import "math"

// Unit is what a limit counts.
type Unit string

// The units.
const (
	USD          Unit = "usd"           // micro-USD
	InputTokens  Unit = "input_tokens"  // all that was read: uncached, from the cache and into it
	OutputTokens Unit = "output_tokens" // all that was written
	TotalTokens  Unit = "total_tokens"  // both
	Requests     Unit = "requests"      // calls sent to Bedrock
	Streams      Unit = "streams"       // streams open at once: no window, and given back when they end
)

// Units lists the units in the order in which limits are given.
var Units = []Unit{USD, InputTokens, OutputTokens, TotalTokens, Requests, Streams}

// Amounts is what a call takes, or what was taken: none is negative.
type Amounts struct {
	MicroUSD                         Money
	Input, Output, Requests, Streams int64
}

// Of is the amount in one unit. A sum that does not fit is the largest number.
func (a Amounts) Of(u Unit) int64 {
	switch u {
	case USD:
		return int64(a.MicroUSD)
	case InputTokens:
		return a.Input
	case OutputTokens:
		return a.Output
	case TotalTokens:
		if a.Output > math.MaxInt64-a.Input {
			return math.MaxInt64
		}
		return a.Input + a.Output
	case Requests:
		return a.Requests
	case Streams:
		return a.Streams
	}
	return 0
}
