package governance

import (
	"fmt"

	"github.com/writ-project/writ/internal/request"
)

// checkReason wants a reason, in words that can be shown.
func checkReason(reason string) error {
	if reason == "" {
		return fmt.Errorf("%w: say why", ErrInvalid)
	}
	if err := request.CheckText("reason", reason); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}

// checkWords judges the free texts of a submission.
func checkWords(in Submission) error {
	for field, text := range map[string]string{"justification": in.Justification, "ticket": in.Ticket, "answers": in.Answers} {
		if err := request.CheckText(field, text); err != nil {
			return fmt.Errorf("%w: %w", ErrInvalid, err)
		}
	}
	return nil
}
