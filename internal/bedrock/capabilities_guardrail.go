package bedrock

// The shapes of ApplyGuardrail
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ApplyGuardrail.html).
var (
	applyTop = members[*capReader]{
		"source":      (*capReader).applySource,
		"content":     (*capReader).applyContent,
		"outputScope": (*capReader).applyScope,
	}
	applyBlock = members[*capReader]{
		"text":  (*capReader).applyText,
		"image": (*capReader).applyImage,
	}
	applyTextMembers = members[*capReader]{
		"text":       (*capReader).skipText,
		"qualifiers": (*capReader).applyQualifiers,
	}
	applyImageMembers = members[*capReader]{
		"format": (*capReader).skip,
		"source": (*capReader).applyImageSource,
	}
	applyImageSources = members[*capReader]{"bytes": (*capReader).picture}
)

func (r *capReader) applySource() error { return r.oneOf("INPUT", "OUTPUT") }
func (r *capReader) applyScope() error  { return r.oneOf("INTERVENTIONS", "FULL") }

// oneOf reads a string that must be one of AWS's names.
func (r *capReader) oneOf(first, second string) error {
	s, err := r.symbol()
	if err == nil && s != first && s != second {
		err = r.fail("want " + first + " or " + second)
	}
	return err
}

func (r *capReader) applyContent() error { return r.array(r.union("content.", applyBlock)) }
func (r *capReader) applyText() error    { return r.content("content.text.", applyTextMembers) }
func (r *capReader) applyImage() error   { return r.content("content.image.", applyImageMembers) }
func (r *capReader) applyImageSource() error {
	return r.one(r.content("content.image.source.", applyImageSources))
}

// applyQualifiers notes content that is marked to be checked; the rest then is
// not (security S4).
func (r *capReader) applyQualifiers() error {
	return r.array(func() error {
		s, err := r.symbol()
		switch {
		case err != nil:
			return err
		case s == "guard_content":
			r.guardContent = true
		case s != "grounding_source" && s != "query":
			return r.list(&r.caps.UnknownContent, "content.text.qualifiers:"+s)
		}
		return nil
	})
}
