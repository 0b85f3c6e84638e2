package rights

import (
	"fmt"
	"slices"
	"strings"

	"github.com/writ-project/writ/internal/bedrock"
)

// async adds the legs of an asynchronous invocation itself, beside those of
// its model: the invocation, its tags, and where its answer goes. IAM checks
// bedrock:InvokeModel on the invocation too, a resource that does not exist yet
// and so is any.
func (r *resolver) async() error {
	switch r.Operation {
	case bedrock.StartAsyncInvoke:
		return r.start()
	case bedrock.GetAsyncInvoke:
		m, profile := r.cat.Find(r.ModelID)
		if m.ID == "" {
			return r.unlisted(r.ModelID)
		}
		r.add(Leg{Kind: AsyncLeg, Action: r.action, Resource: r.invocation(), Region: r.Region, Model: m.ID, Profile: profile})
	case bedrock.ListAsyncInvokes:
		r.add(Leg{Kind: AsyncLeg, Action: r.action, Resource: r.invocation(), Region: r.Region})
	}
	return nil
}

func (r *resolver) start() error {
	first := r.legs[0]
	model := first.Model
	if first.Kind == ProfileLeg {
		model = r.legs[1].Model
	}
	leg := Leg{Kind: AsyncLeg, Action: r.action, Resource: r.invocation(), Region: r.Region, Model: model, Profile: first.Profile}
	r.add(leg)
	if len(r.Caps.Tags) > 0 {
		leg.Kind, leg.Action = TagLeg, actionTag
		r.add(leg)
	}
	if r.Caps.Output == nil {
		return r.refuse("the answer goes nowhere", "name an S3 location in outputDataConfig")
	}
	return r.output(*r.Caps.Output)
}

// invocation is the ARN of the invocation meant, or of any.
func (r *resolver) invocation() string {
	if r.Target != "" {
		return r.Target
	}
	return "arn:" + r.Partition + ":bedrock:" + r.Region + ":" + r.Account + ":async-invoke/*"
}

// output adds the leg of a location that is written to. Whatever Bedrock puts
// behind it stays under it, so the leg's resource is all that begins with it.
func (r *resolver) output(o bedrock.Output) error {
	path, reason := OutputPath(o.URI)
	if reason != "" {
		return r.refuse(fmt.Sprintf("the S3 location %.120q %s", o.URI, reason), "")
	}
	if o.BucketOwner != "" && o.BucketOwner != r.Account {
		return r.refuse(fmt.Sprintf("the bucket is said to be account %s's, the call is in another", o.BucketOwner), "write to a bucket of the account called")
	}
	r.add(Leg{Kind: OutputLeg, Action: actionWriteObject, Region: r.Region, Resource: "arn:" + r.Partition + ":s3:::" + path + "*"})
	return nil
}

// OutputPath returns bucket/ and the beginning of a key of a canonical S3
// location, or the reason why it is none. It is ObjectPath for what names no
// object yet: the key may be empty, or end in a slash.
func OutputPath(uri string) (path, reason string) {
	location := strings.TrimSuffix(uri, "/")
	if bucket, isBucket := strings.CutPrefix(location, "s3://"); isBucket && !strings.Contains(bucket, "/") {
		path, reason = ObjectPath(location + "/x")
		return strings.TrimSuffix(path, "x"), reason
	}
	path, reason = ObjectPath(location)
	if reason == "" && len(location) < len(uri) {
		path += "/"
	}
	return path, reason
}

// validOutputs checks an s3:// location, or the beginning of one ending in *.
func validOutputs(s string) error {
	start, prefix := strings.CutSuffix(s, "*")
	if !prefix {
		if _, reason := OutputPath(s); reason != "" || s == "" {
			return fmt.Errorf("outputs: %q %s", s, reason)
		}
		return nil
	}
	if bucket, _, whole := strings.Cut(strings.TrimPrefix(start, "s3://"), "/"); !whole {
		return fmt.Errorf("outputs: %q names no whole bucket: end it in %q", s, bucket+"/*")
	}
	if _, reason := ObjectPath(start + "x"); reason != "" {
		return fmt.Errorf("outputs: %q %s", s, reason)
	}
	return nil
}

// validateAsync refuses halves of a right to start asynchronous invocations.
func (e Entitlement) validateAsync() problems {
	var errs problems
	starts := slices.Contains(e.Actions, string(bedrock.StartAsyncInvoke))
	switch {
	case starts && len(e.Conditions.Outputs) == 0:
		errs.add("actions: StartAsyncInvoke needs conditions.outputs, which says where answers may be written")
	case !starts && len(e.Conditions.Outputs) > 0:
		errs.add("outputs: without StartAsyncInvoke in actions nothing is written anywhere")
	case !starts && slices.Contains(e.Actions, "TagResource"):
		errs.add("actions: TagResource without StartAsyncInvoke has nothing to tag")
	}
	return errs
}
