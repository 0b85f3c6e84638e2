package auditlog

// How each part of a record is written: every field in the order of its
// struct, under the name and the omission rule of its tag. This is the form of
// encoding/json, which a test holds it against field by field; it is written
// out because each call of a client makes two records, and reflection took
// longer than the rest of making one.

func (r *Record) append(w *jsonWriter) {
	w.open('{')
	w.number("v", int64(r.V))
	w.text("kind", string(r.Kind))
	w.text("id", r.ID)
	w.time("time", r.Time)
	group(w, "instance", r.Instance)
	group(w, "call", r.Call)
	group(w, "who", r.Who)
	group(w, "where", r.Where)
	group(w, "credential", r.Credential)
	group(w, "proof", r.Proof)
	group(w, "right", r.Right)
	group(w, "decision", r.Decision)
	group(w, "data", r.Data)
	group(w, "request", r.Request)
	group(w, "content", r.Content)
	group(w, "budget", r.Budget)
	group(w, "usage", r.Usage)
	group(w, "outcome", r.Outcome)
	group(w, "hold", r.Hold)
	group(w, "control", r.Control)
	group(w, "preauth", r.Preauth)
	group(w, "lifecycle", r.Lifecycle)
	w.texts("truncated", r.Truncated)
	w.close('}')
}

func (g *Instance) append(w *jsonWriter) {
	w.text("id", g.ID)
	w.textIf("version", g.Version)
	w.textIf("shard", g.Shard)
}

func (g *Call) append(w *jsonWriter) {
	w.text("operation", g.Operation)
	w.textIf("model_requested", g.ModelRequested)
	w.textIf("model", g.Model)
	w.textIf("profile", g.Profile)
	list(w, "legs", g.Legs)
	w.numberIf("leg_count", int64(g.LegCount))
	w.textIf("region_called", g.RegionCalled)
	w.textIf("account", g.Account)
	w.flagIf("stream", g.Stream)
	w.textIf("endpoint", g.Endpoint)
}

func (g *Leg) append(w *jsonWriter) {
	w.text("kind", g.Kind)
	w.text("resource", g.Resource)
	w.textIf("region", g.Region)
}

func (g *Who) append(w *jsonWriter) {
	w.text("identity", g.Identity)
	w.textIf("kind", g.Kind)
	w.textIf("environment", g.Environment)
	w.textIf("team", g.Team)
	w.textIf("session", g.Session)
	w.flagIf("impersonated", g.Impersonated)
}

func (g *Where) append(w *jsonWriter) {
	w.textIf("source_ip", g.SourceIP)
	w.textIf("peer_ip", g.PeerIP)
	w.texts("networks", g.Networks)
	w.textIf("client_family", g.ClientFamily)
	w.textIf("user_agent", g.UserAgent)
	w.textIf("tls_version", g.TLSVersion)
}

func (g *Credential) append(w *jsonWriter) {
	w.text("kind", g.Kind)
	w.text("id", g.ID)
	w.timeIf("issued", g.Issued)
	w.timeIf("expires", g.Expires)
	if g.MintRecord != nil {
		w.index("mint_record", *g.MintRecord)
	}
	w.textIf("mint_log", g.MintLog)
}

func (g *Proof) append(w *jsonWriter) {
	w.text("kind", g.Kind)
	w.textIf("issuer", g.Issuer)
	w.textIf("subject", g.Subject)
	w.textIf("binding", g.Binding)
	w.textIf("token_sha256", g.TokenSHA256)
}

func (g *Right) append(w *jsonWriter) {
	w.texts("grants", g.Grants)
	w.texts("entitlements", g.Entitlements)
	w.timeIf("until", g.Until)
}

func (g *Decision) append(w *jsonWriter) {
	w.text("decision", g.Decision)
	w.textIf("code", g.Code)
	w.texts("policies", g.Policies)
	w.texts("reasons", g.Reasons)
	w.texts("obligations", g.Obligations)
	w.textIf("bundle_digest", g.BundleDigest)
	if g.SnapshotRevision != 0 {
		w.index("snapshot_revision", g.SnapshotRevision)
	}
	w.numberIf("evaluated_us", g.EvaluatedUS)
}

func (g *Data) append(w *jsonWriter) {
	w.textIf("level", g.Level)
	w.texts("classes", g.Classes)
	w.texts("entities", g.Entities)
	w.counts("counts", g.Counts)
	w.flagIf("regulated", g.Regulated)
	w.texts("unscanned", g.Unscanned)
	w.flagIf("truncated", g.Truncated)
	w.texts("declared", g.Declared)
	w.textIf("detectors", g.Detectors)
	list(w, "findings", g.Findings)
	w.numberIf("redacted", int64(g.Redacted))
}

func (g *Found) append(w *jsonWriter) {
	w.text("entity", g.Entity)
	w.textIf("where", g.Where)
	w.number("start", int64(g.Start))
	w.number("end", int64(g.End))
	w.number("score", int64(g.Score))
}

func (g *Request) append(w *jsonWriter) {
	w.numberIf("max_tokens", g.MaxTokens)
	w.texts("tools", g.Tools)
	w.textIf("guardrail", g.Guardrail)
	w.textIf("tier", g.Tier)
	w.texts("extras", g.Extras)
	w.numberIf("bytes", g.Bytes)
}

func (g *Content) append(w *jsonWriter) {
	w.textIf("request", g.Request)
	w.textIf("response", g.Response)
	w.textIf("received", g.Received)
	w.text("scheme", g.Scheme)
}

func (g *Usage) append(w *jsonWriter) {
	w.numberIf("input", g.Input)
	w.numberIf("output", g.Output)
	w.numberIf("cache_read", g.CacheRead)
	w.numberIf("cache_write", g.CacheWrite)
	w.numberIf("cache_write_hour", g.CacheWriteHour)
	w.numberIf("guardrail_units", g.GuardrailUnits)
	w.text("source", g.Source)
	if g.CostMicroUSD != nil {
		w.number("cost_micro_usd", *g.CostMicroUSD)
	}
	w.textIf("price_table", g.PriceTable)
	group(w, "settled", g.Settled)
}

func (g *Budget) append(w *jsonWriter) {
	w.texts("accounts", g.Accounts)
	w.numberIf("micro_usd", g.MicroUSD)
	w.flagIf("unpriced", g.Unpriced)
	w.numberIf("input", g.Input)
	w.numberIf("output", g.Output)
	w.numberIf("requests", g.Requests)
	w.numberIf("streams", g.Streams)
	w.flagIf("estimated", g.Estimated)
	w.flagIf("overrun", g.Overrun)
}

func (g *Outcome) append(w *jsonWriter) {
	w.index("intent", g.Intent)
	w.numberIf("status", int64(g.Status))
	w.textIf("upstream_request_id", g.UpstreamRequestID)
	w.textIf("error_type", g.ErrorType)
	w.textIf("stop_reason", g.StopReason)
	w.texts("tools_called", g.ToolsCalled)
	w.numberIf("first_byte_ms", g.FirstByteMS)
	w.numberIf("duration_ms", g.DurationMS)
	w.numberIf("bytes", g.Bytes)
	w.numberIf("frames", g.Frames)
	w.text("ended", g.Ended)
	group(w, "async", g.Async)
	group(w, "output", g.Output)
	group(w, "hold", g.Hold)
}

func (g *Held) append(w *jsonWriter) {
	w.textIf("id", g.ID)
	w.textIf("mode", g.Mode)
	w.text("state", g.State)
	w.flagIf("whole", g.Whole)
	w.numberIf("calls", g.Calls)
	w.numberIf("dropped", g.Dropped)
}

func (g *Async) append(w *jsonWriter) {
	w.text("invocation", g.Invocation)
	w.textIf("model_arn", g.ModelARN)
	w.textIf("token", g.Token)
	w.textIf("output", g.Output)
	w.textIf("output_key", g.OutputKey)
	w.textIf("output_owner", g.OutputOwner)
}

func (g *Control) append(w *jsonWriter) {
	w.text("action", g.Action)
	w.text("actor", g.Actor)
	w.textIf("target", g.Target)
	list(w, "changes", g.Changes)
	w.numberIf("change_count", int64(g.ChangeCount))
	w.textIf("note", g.Note)
	if g.Revision != 0 {
		w.index("revision", g.Revision)
	}
}

func (g *Change) append(w *jsonWriter) {
	w.text("kind", g.Kind)
	w.text("name", g.Name)
	w.text("op", g.Op)
	w.textIf("digest", g.Digest)
	w.numberIf("epoch", int64(g.Epoch))
}

func (g *Preauth) append(w *jsonWriter) {
	w.text("reason", g.Reason)
	w.textIf("source", g.Source)
	w.number("count", g.Count)
	w.time("first", g.First)
	w.time("last", g.Last)
	w.texts("samples", g.Samples)
}

func (g *Lifecycle) append(w *jsonWriter) {
	w.text("event", g.Event)
	w.textIf("detail", g.Detail)
	w.textIf("key", g.Key)
}
