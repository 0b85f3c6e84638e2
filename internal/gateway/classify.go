package gateway

import (
	"strings"

	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/policy"
)

// The requestMetadata keys by which a caller declares things. They are its own
// word: policies see them under context.asserted, and a declared class can only
// raise the label (security S5).
const (
	metadataPurpose = "writ.purpose"
	metadataClasses = "writ.classes" // comma-separated
)

// classify labels the prompt. No part of it was read by a detector, so it is
// unscanned, never clean; what the caller declares is joined to that.
func (x *exchange) classify() *refusal {
	if x.target.Operation.Bodiless() {
		x.prompt = dataclass.Label{} // there is nothing to read
		return nil
	}
	x.prompt = dataclass.Unscanned("no_classifier")
	x.asserted = policy.Asserted{Purpose: x.caps.Metadata[metadataPurpose], Metadata: x.caps.Metadata}
	declared, ok := x.caps.Metadata[metadataClasses]
	if !ok {
		return nil
	}
	for name := range strings.SplitSeq(declared, ",") {
		class, err := dataclass.ParseClass(strings.TrimSpace(name))
		if err != nil {
			return refuse("malformed", invalid("requestMetadata "+metadataClasses+": "+err.Error()))
		}
		x.asserted.Classes = append(x.asserted.Classes, string(class))
		x.prompt = x.prompt.Join(dataclass.Declared(class))
	}
	return nil
}
