package gateway

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/writ-project/writ/auditlog"
	"github.com/writ-project/writ/internal/bedrock"
	"github.com/writ-project/writ/internal/classifier"
	"github.com/writ-project/writ/internal/dataclass"
	"github.com/writ-project/writ/internal/identity"
	"github.com/writ-project/writ/internal/policy"
	"github.com/writ-project/writ/internal/rights"
	"github.com/writ-project/writ/internal/snapshot"
)

// exchange is one request on its way.
type exchange struct {
	facts

	ctx     context.Context // admit: ends when the client leaves or the call is cut
	cancel  context.CancelCauseFunc
	call    *Call
	intent  uint64 // index of the intent record
	ordered bool   // the intent is recorded
	settled bool   // so is the outcome

	money reserved // admit

	sent  bool           // forward: it left for Bedrock, or may have
	resp  *http.Response // the answer's head
	added time.Duration

	placeholders *classifier.Redactor // of the prompt and the answer; nil: none was needed

	waits      *waiting       // inspect: what of the answer may wait for a human; nil: nothing
	waited     *auditlog.Held // what of it did
	result     outcome
	answered   answered
	kind       string // what it came to, for metrics
	status     int
	bill       bill   // settle
	failed     string // how Bedrock failed, for metrics
	unrecorded bool   // the outcome could not be recorded
}

// facts are what is known of a request by the time it is admitted. Each group
// is left behind by the step it is named after and only read by later ones;
// after admission nothing changes any more, so that the call can be judged
// again while it is being served.
type facts struct {
	g     *Gateway
	w     http.ResponseWriter
	r     *http.Request
	id    string    // names the request, the decision and the record
	start time.Time // wall time of arrival
	began time.Time // the same, monotonic, for durations
	state *snapshot.Snapshot

	target bedrock.Target // parse

	origin    identity.Origin // authenticate
	proven    proven
	body      bedrock.Body
	held      int64 // bytes to give back to the in-flight budget
	lent      bool  // the body is charged to a session that is not proved yet
	identity  *identity.Identity
	region    string
	forwarded http.Header

	async asyncFacts // resolve, for asynchronous invocations

	account string    // resolve: AWS account called; decide may choose another
	others  []attempt // the call in further accounts, where grants are for several
	model   bedrock.Model
	profile string // the inference profile it is reached through; empty: none
	caps    bedrock.Capabilities
	legs    []rights.Leg

	prompt     dataclass.Label // classify
	content    content
	asserted   policy.Asserted
	classified time.Duration // how long it took

	decision policy.Decision // decide
	decided  time.Duration   // how long the decision took
	window   Window          // that observe mode let it through by
	redacted int             // findings of the prompt that were replaced

	rewritten bool              // the body is not the one received,
	received  [sha256.Size]byte // whose digest was this
}

// proven is the credential that a caller proved to hold, once whole is set.
// Until then a session was presented, by whoever has its token: the secret key
// that goes with it is shown by the signature, which covers the body.
type proven struct {
	session identity.Session
	kind    string // credentialSession or credentialBearer
	whole   bool
}

func newExchange(g *Gateway, w http.ResponseWriter, r *http.Request) *exchange {
	return &exchange{facts: facts{g: g, w: w, r: r, id: newID(), began: time.Now()}, ctx: r.Context()}
}

// done gives back what the exchange holds and reports what it came to.
func (x *exchange) done() {
	if x.call != nil {
		x.g.open.remove(x.call)
		x.call.ends.Stop()
	}
	if x.cancel != nil {
		x.cancel(nil)
	}
	if x.ordered && !x.settled { // it ended in a way that no step foresaw: the outcome stays unknown
		x.charge()
	}
	x.money.release()
	if x.held > 0 {
		x.g.flight.release(identity.SourceOf(x.origin.Peer), x.held)
	}
	if x.g.cfg.Observe != nil {
		x.g.cfg.Observe(x.observation())
	}
}

// newID returns a UUID of version 7 (RFC 9562 §5.7): unique, and ordered by
// time for whoever reads a log.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	binary.BigEndian.PutUint64(b[:8], uint64(time.Now().UnixMilli())<<16|uint64(binary.BigEndian.Uint16(b[6:8])))
	b[6] = b[6]&0x0f | 0x70
	b[8] = b[8]&0x3f | 0x80
	var out [36]byte
	hex.Encode(out[:8], b[:4])
	hex.Encode(out[9:13], b[4:6])
	hex.Encode(out[14:18], b[6:8])
	hex.Encode(out[19:23], b[8:10])
	hex.Encode(out[24:], b[10:])
	out[8], out[13], out[18], out[23] = '-', '-', '-', '-'
	return string(out[:])
}

// locate finds the source: an address from the connection, or from a trusted
// proxy in front of it.
func (x *exchange) locate() {
	peer := netip.Addr{}
	if host, _, err := net.SplitHostPort(x.r.RemoteAddr); err == nil {
		peer, _ = netip.ParseAddr(host)
	}
	x.origin = x.state.Networks.Locate(peer, x.r.Header)
}

// outcome is what came back, gathered by inspect.
type outcome struct {
	status    int
	requestID string // AWS's
	errorType string
	usage     bedrock.Usage
	guardrail int64  // units of text that a guardrail reports to have read
	invoked   string // the model that a prompt router chose
	tier      string // that served the call
	stop      string
	firstByte time.Duration
	bytes     int64
	frames    int64
	sum       [32]byte
	ended     string
	withheld  string   // the decision's code, where the answer was not let out,
	rules     []string // by these
	tools     []string // called for by the model
	async     *auditlog.Async
}
