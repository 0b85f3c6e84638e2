// Package config reads the gateway's configuration file: one YAML document,
// strictly decoded, whose fields' comments are the manual. It holds where and
// how the process runs; who may invoke what is not configuration but state,
// kept under `writ apply` with a record.
//
// Secrets are never in the file, only paths to them.
package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/goccy/go-yaml"
)

// Config is the whole file.
type Config struct {
	// Listen is the gateway's address: one port for HTTP/1.1, h2c and TLS.
	Listen string `yaml:"listen"`
	// AdminListen is the control plane's address: loopback only.
	AdminListen string `yaml:"adminListen"`
	// Hosts are further names by which workloads may ask for container
	// credentials, beside loopback, listen's, the certificate's and tls.names.
	Hosts []string `yaml:"hosts"`
	// Account is the AWS account whose models are invoked, 12 digits.
	Account string `yaml:"account"`
	// Region is where calls go that name none, as bearer tokens do.
	Region string `yaml:"region"`
	// Regions lists every region a caller may sign for; empty means Region only.
	Regions []string `yaml:"regions"`
	// Partition is aws, aws-us-gov or aws-cn.
	Partition string   `yaml:"partition"`
	TLS       TLS      `yaml:"tls"`
	Upstream  Upstream `yaml:"upstream"`
	Store     Store    `yaml:"store"`
	Replica   Replica  `yaml:"replica"`
	// KEK is the file of the key-encryption key; empty means one in the data
	// directory. Replicas of one store share it.
	KEK     string  `yaml:"kek"`
	Log     Log     `yaml:"log"`
	Limits  Limits  `yaml:"limits"`
	Drain   Drain   `yaml:"drain"`
	Holds   Holds   `yaml:"holds"`
	Observe Observe `yaml:"observe"`
	Login   Login   `yaml:"login"`
	Notify  Notify  `yaml:"notify"`
	// DetailedRefusals tells callers every reason of a refusal. Development
	// only: it lets a caller map the rules.
	DetailedRefusals bool `yaml:"detailedRefusals"`
	// Impersonation lets operators mint sessions for identities with
	// `writ credentials`. Off in production; --demo turns it on.
	Impersonation bool `yaml:"impersonation"`

	file string // where Load read it
}

// TLS says what the gateway's port presents.
type TLS struct {
	// Cert and Key are PEM files; without them a local CA is generated in the
	// data directory and a certificate issued for Names.
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
	// Names are the host names and addresses of the generated certificate,
	// beside localhost and the loopback addresses.
	Names []string `yaml:"names"`
	// Front declares that something terminates TLS in front of this port, so
	// that plain connections are accepted on other than loopback addresses.
	Front bool `yaml:"front"`
}

// Upstream says how Bedrock is reached.
type Upstream struct {
	// Endpoint overrides Bedrock's address, such as a VPC endpoint's.
	Endpoint string `yaml:"endpoint"`
	// CAFile verifies Endpoint; empty means the system's roots.
	CAFile string `yaml:"caFile"`
	// Profile is a profile of the AWS configuration files; empty means the
	// default credential chain.
	Profile string `yaml:"profile"`
	// AssumeRole is the ARN of a role of Account to assume with those credentials.
	AssumeRole string `yaml:"assumeRole"`
	// ExternalIDFile holds what the role's trust policy asks for as external id.
	ExternalIDFile string `yaml:"externalIdFile"`
	// STSEndpoint overrides the address of STS, such as a VPC endpoint's.
	STSEndpoint string `yaml:"stsEndpoint"`
	// PerGrant makes a session of the role for every grant, with a policy that
	// allows its legs and the identity as SourceIdentity. It needs a role.
	PerGrant bool `yaml:"perGrant"`
	// Accounts are further AWS accounts; see docs/accounts.md.
	Accounts []Account `yaml:"accounts"`
}

// Store says where state is kept.
type Store struct {
	// DSNFile holds a postgres:// DSN; empty means SQLite in the data directory.
	DSNFile string `yaml:"dsnFile"`
}

// Log says how the audit log is kept.
type Log struct {
	// Strict holds the last frame of every answer until its outcome is durable.
	Strict bool `yaml:"strict"`
	// ReserveMB is disk kept free for authenticated intents: aggregated
	// refusals of strangers are dropped first.
	ReserveMB uint64 `yaml:"reserveMB"`
	// Origin names the log in its checkpoints; fixed at first start. Empty
	// means one made from the instance's id.
	Origin string `yaml:"origin"`
}

// Limits bounds requests.
type Limits struct {
	// BodyMB is the largest request body.
	BodyMB int64 `yaml:"bodyMB"`
	// InFlightMB is what all bodies together may take; SourceMB what one
	// source's may.
	InFlightMB int64 `yaml:"inFlightMB"`
	SourceMB   int64 `yaml:"sourceMB"`
	// Freshness is how old the rules may be before every call is refused.
	Freshness time.Duration `yaml:"freshness"`
	// Connections is how many may be open at once; SourceConnections how many
	// of one source.
	Connections       int `yaml:"connections"`
	SourceConnections int `yaml:"sourceConnections"`
	// Strangers is what callers may cost who have proved nothing.
	Strangers Strangers `yaml:"strangers"`
}

// Default is the configuration without a file.
func Default() Config {
	return Config{
		Listen: "127.0.0.1:8080", AdminListen: "127.0.0.1:8081",
		Region: "us-east-1", Partition: "aws",
		Upstream: Upstream{PerGrant: true},
		Replica:  Replica{Lease: 5 * time.Second},
		Log:      Log{ReserveMB: 64},
		Limits: Limits{
			BodyMB: 25, InFlightMB: 1024, SourceMB: 256, Freshness: 30 * time.Second, Connections: 16384, SourceConnections: 12288,
			Strangers: Strangers{Failures: 600, AllFailures: 30_000, Proofs: 600, AllProofs: 6000, UnprovenMB: 128},
		},
		Drain: Drain{Within: 25 * time.Second},
		Holds: Holds{MaxKB: 1024, Keep: 168 * time.Hour},
		Login: Login{Scopes: []string{"email"}, Session: 8 * time.Hour},
	}
}

// Load reads a file over the defaults. Errors carry line and column.
func Load(path string) (Config, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	c, err := Parse(b)
	if err == nil {
		c.file, err = filepath.Abs(path)
	}
	return c, err
}

// File is where the configuration was read; empty: there is no file.
func (c *Config) File() string { return c.file }

// Parse reads a configuration over the defaults.
func Parse(b []byte) (Config, error) {
	c := Default()
	if err := yaml.UnmarshalWithOptions(b, &c, yaml.Strict(), yaml.DisallowUnknownField()); err != nil {
		return Config{}, fmt.Errorf("reading the configuration:\n%s", yaml.FormatError(err, false, true))
	}
	return c, c.Validate()
}

var (
	accountPattern = regexp.MustCompile(`^[0-9]{12}$`)
	hostPattern    = regexp.MustCompile(`(?i)^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$`)
	regionPattern  = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
)

// Validate reports what would not work.
func (c *Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Account != "" && !accountPattern.MatchString(c.Account) {
		bad("account %q: want 12 digits", c.Account)
	}
	for _, r := range c.AllRegions() {
		if !regionPattern.MatchString(r) {
			bad("region %q is not a region's name", r)
		}
	}
	errs = append(errs, c.validateAccounts()...)
	for _, h := range c.Hosts {
		if a, err := netip.ParseAddr(h); err != nil && !hostPattern.MatchString(h) || err == nil && (a.IsUnspecified() || a.Zone() != "") {
			bad("hosts: %q is not a name or an address: no scheme, no port, no pattern", h)
		}
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		bad("tls: cert and key go together")
	}
	if l := c.Limits; l.BodyMB < 1 || l.BodyMB > 25 || l.InFlightMB < l.BodyMB || l.SourceMB < l.BodyMB {
		bad("limits: want 1 ≤ bodyMB ≤ 25, and inFlightMB and sourceMB at least bodyMB")
	}
	if f := c.Limits.Freshness; f < time.Second || f > 5*time.Minute {
		bad("limits.freshness %v: want 1s to 5m", f)
	}
	return errors.Join(append(errs, c.validateOperation()...)...)
}

// AllRegions is Regions with Region among them.
func (c *Config) AllRegions() []string {
	if slices.Contains(c.Regions, c.Region) {
		return c.Regions
	}
	return append([]string{c.Region}, c.Regions...)
}

// Loopback reports whether a listen address is reachable from this machine only.
func Loopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// DataDir finds the data directory: the flag's value, else $WRIT_DATA, else
// writ under the XDG data home.
func DataDir(flag string) (string, error) {
	if flag == "" {
		flag = os.Getenv("WRIT_DATA")
	}
	if flag == "" {
		home := os.Getenv("XDG_DATA_HOME")
		if home == "" {
			user, err := os.UserHomeDir()
			if err != nil {
				return "", fmt.Errorf("finding a data directory: %w", err)
			}
			home = filepath.Join(user, ".local", "share")
		}
		flag = filepath.Join(home, "writ")
	}
	return filepath.Abs(flag)
}
