// Writ governs the right to invoke a foundation model. This program is all of
// it: the gateway that enforces, and the verbs that operators use.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// commands is the command line. Each verb is one file.
type commands struct {
	Up          upCmd          `cmd:"" help:"Start the gateway and the control plane."`
	Credentials credentialsCmd `cmd:"" help:"Get a session for a shell or an SDK, by a proof or on an identity's behalf."`
	Exec        execCmd        `cmd:"" help:"Run a command with credentials that refresh themselves."`
	Apply       applyCmd       `cmd:"" help:"Make the state what the files say; show the plan first."`
	Get         getCmd         `cmd:"" help:"List resources, or print one as YAML."`
	Delete      deleteCmd      `cmd:"" help:"Delete one resource."`
	Explain     explainCmd     `cmd:"" help:"Say what would be decided about a call, and why."`
	Policy      policyCmd      `cmd:"" help:"Check and test policies before they count."`
	IAM         iamCmd         `cmd:"" name:"iam" help:"Say exactly who can invoke what in an AWS account, from its files."`
	Classify    classifyCmd    `cmd:"" help:"Say what data is in a text, and measure how well that is known."`
	Audit       auditCmd       `cmd:"" help:"Verify, read and prove the audit log."`
	Hold        holdCmd        `cmd:"" help:"See what waits for a human, and release or reject it."`
	Receipt     receiptCmd     `cmd:"" help:"Check the proof that a human released a tool call."`
	Request     requestCmd     `cmd:"" help:"Ask for a right, and see what becomes of it."`
	Approve     approveCmd     `cmd:"" help:"Approve a request, or less than it asks for."`
	Deny        denyCmd        `cmd:"" help:"Deny a request."`
	Grant       grantCmd       `cmd:"" help:"See who holds which right until when, and ask to extend one."`
	Revoke      revokeCmd      `cmd:"" help:"Take a grant, or all that an identity or a tag has, away for good."`
	Budget      budgetCmd      `cmd:"" help:"See budgets and how they stand, and unfreeze one."`
	Spend       spendCmd       `cmd:"" help:"Say what was spent, and compare it with what AWS says."`
	Quarantine  quarantineCmd  `cmd:"" help:"Stop an identity, model, session, network or tag at once, reversibly."`
	Review      reviewCmd      `cmd:"" help:"Review emergencies after their use."`
	Sod         sodCmd         `cmd:"" name:"sod" help:"List where duties meet that must be kept apart."`
	Waiver      waiverCmd      `cmd:"" help:"Dated exceptions to the separation of duties."`
	Identity    identityCmd    `cmd:"" help:"The inventory: who calls models, and who answers for them."`
	Model       modelCmd       `cmd:"" help:"Models, and the validations that they need."`
	Operator    operatorCmd    `cmd:"" help:"Who uses the control plane: accounts, roles, tokens, delegations."`
	Login       loginCmd       `cmd:"" help:"Sign in to a control plane."`
	Logout      logoutCmd      `cmd:"" help:"End a sign-in."`
	Backup      backupCmd      `cmd:"" help:"Write the whole state and the audit log to one file."`
	Restore     restoreCmd     `cmd:"" help:"Restore a backup, and what was revoked since."`
	Notify      notifyCmd      `cmd:"" help:"See where notifications go, and try again what could not be sent."`
	Sessions    sessionsCmd    `cmd:"" help:"Revoke sessions."`
	Keys        keysCmd        `cmd:"" help:"Rotate the keys that seal sessions and sign receipts."`
	Upstream    upstreamCmd    `cmd:"" help:"Print the IAM policies that calls need, and check the credentials."`
	Status      statusCmd      `cmd:"" help:"Say how a live server is."`
	Doctor      doctorCmd      `cmd:"" help:"Look at everything that an installation stands on."`
	Observe     observeCmd     `cmd:"" help:"Switch enforcement off for a time, by two people, and on by one."`
	Config      configCmd      `cmd:"" help:"Explain and check the configuration file."`
	Whoami      whoamiCmd      `cmd:"" help:"Say who the operator's token acts as."`
	Demo        demoCmd        `cmd:"" help:"Parts of the demonstration."`
	Version     versionCmd     `cmd:"" help:"Print the version."`
}

const about = `Writ governs the right to invoke a foundation model: who may invoke which model,
from where, in what context, with which class of data, until when — enforced on
every call, in front of Amazon Bedrock, for unmodified AWS SDKs.

Try it:  writ up --demo`

func main() { os.Exit(run()) }

// run is main with an exit status: 0 done; 1 the answer is no (denied, tampered,
// findings); 2 it could not be done.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c commands
	parser := kong.Must(&c, kong.Name("writ"), kong.Description(about), kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.BindTo(ctx, (*context.Context)(nil)))
	parsed, err := parser.Parse(os.Args[1:])
	if err != nil {
		return complain(os.Stderr, withHint(err, "writ --help lists the verbs, writ VERB --help explains one"))
	}
	return complain(os.Stderr, parsed.Run())
}

// complain prints an error as "error:" and "hint:" lines and returns the exit
// status it stands for.
func complain(w io.Writer, err error) int {
	if err == nil {
		return 0
	}
	var child *childExit
	if errors.As(err, &child) {
		return child.status
	}
	var no *negative
	if errors.As(err, &no) {
		if no.text != "" {
			fmt.Fprintln(w, no.text)
		}
		return 1
	}
	fmt.Fprintln(w, "error:", err)
	if h := hintFor(err); h != "" {
		fmt.Fprintln(w, "hint:", h)
	}
	return 2
}
