package meter

import (
	"fmt"
	"time"

	"github.com/writ-project/writ/internal/budget"
)

// soon is the wait below which a caller may be told to try again (security S23).
const soon = 5 * time.Second

// Exceeded refuses a call: a limit that covers it has no room for it.
type Exceeded struct {
	Line    budget.Line
	Account budget.Account
	Need    int64 // in the line's unit
	Left    int64 // as far as this replica knows
	// Wait is how long until there may be room without anybody raising anything:
	// until the window ends, or about as long as what is reserved takes to come
	// back; zero: nobody knows.
	Wait time.Duration
	Soon bool // room may come within five seconds
}

func (e *Exceeded) Error() string {
	return fmt.Sprintf("budget %s: %d %s needed, %d left of %d", e.Line.Budget, e.Need, e.Line.Unit, e.Left, e.Line.Limit)
}

// Frozen refuses a call: a limit that covers it lets nothing through until a human
// has looked.
type Frozen struct {
	Line    budget.Line
	Account budget.Account
	Why     string
}

func (e *Frozen) Error() string {
	return fmt.Sprintf("budget %s: %s: frozen: %s", e.Line.Budget, e.Line.Unit, e.Why)
}
