package bedrock

// What an answer says beside its usage that its price depends on: how writes to
// the cache are split, the tier that served it, and what a guardrail read.
var (
	detailShape   = answerShape{"ttl": (*answerReader).detailTTL, "inputTokens": (*answerReader).detailTokens}
	creationShape = answerShape{
		"ephemeral_5m_input_tokens": func(r *answerReader) error { return r.figure(&r.at().five) },
		"ephemeral_1h_input_tokens": func(r *answerReader) error { return r.figure(&r.at().hour) },
	}
	assessmentShape = answerShape{"usage": (*answerReader).policyUnits}
	// policyShape leaves out what is free: words, and expressions of one's own.
	policyShape = answerShape{
		"topicPolicyUnits":                (*answerReader).policyUnit,
		"contentPolicyUnits":              (*answerReader).policyUnit,
		"sensitiveInformationPolicyUnits": (*answerReader).policyUnit,
		"contextualGroundingPolicyUnits":  (*answerReader).policyUnit,
		"automatedReasoningPolicyUnits":   (*answerReader).policyUnit,
		"contentPolicyImageUnits":         (*answerReader).pictureUnit,
	}
)

// detail is one of Converse's cacheDetails, and the policies of one assessment.
type detail struct {
	ttl            string
	tokens         int64
	units, picture int64
}

func (r *answerReader) cacheDetails() error {
	var five, hour int64
	err := r.each(func() error {
		r.detail = detail{}
		err := r.shape(detailShape)
		if r.detail.ttl == "5m" {
			five += r.detail.tokens
		} else { // an hour, and whatever else is kept for longer
			hour += r.detail.tokens
		}
		return err
	})
	f := r.at()
	f.split, f.five, f.hour = f.split || five+hour > 0, max(f.five, five), max(f.hour, hour)
	return err
}

func (r *answerReader) detailTTL() (err error) {
	r.detail.ttl, err = r.word()
	return err
}

func (r *answerReader) detailTokens() error { return r.figure(&r.detail.tokens) }

func (r *answerReader) cacheCreation() error {
	r.at().split = true
	return r.shape(creationShape)
}

func (r *answerReader) tier() error {
	s, err := r.word()
	if s != "" {
		r.answer.ServiceTier = s
	}
	return err
}

func (r *answerReader) performance() error { return r.shape(latencyShape) }

func (r *answerReader) latency() error {
	s, err := r.word()
	if s != "" {
		r.answer.Latency = s
	}
	return err
}

// assessed looks through a guardrail's trace for what it read: assessments lie
// in it by guardrail, of the input one, of the answer as many as it had parts.
func (r *answerReader) assessed() error {
	switch r.dec.PeekKind() {
	case '[':
		return r.array(r.assessed)
	case '{':
		return object(&r.jsonReader, r, nil, func(name string) error {
			if name == "invocationMetrics" {
				return r.shape(assessmentShape)
			}
			return r.assessed()
		})
	}
	return r.skip()
}

// policyUnits adds what one assessment read. The policies read the same text,
// and a unit's price is that of all together: the largest number counts.
func (r *answerReader) policyUnits() error {
	r.detail = detail{}
	err := r.shape(policyShape)
	r.answer.GuardrailUnits = capped(r.answer.GuardrailUnits, capped(r.detail.units, r.detail.picture))
	return err
}

func (r *answerReader) policyUnit() error { return r.figure(&r.detail.units) }

func (r *answerReader) pictureUnit() error {
	err := r.figure(&r.detail.picture)
	r.detail.picture *= perPicture
	return err
}
