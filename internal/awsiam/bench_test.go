package awsiam

import "testing"

// typical is a policy as teams write them: 2 KB, seven statements.
const typical = `{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "InvokeThroughProfile",
      "Effect": "Allow",
      "Action": ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
      "Resource": [
        "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.anthropic.claude-sonnet-4-20250514-v1:0",
        "arn:aws:bedrock:*::foundation-model/anthropic.claude-sonnet-4-*"
      ],
      "Condition": {
        "StringEquals": {"aws:RequestedRegion": ["us-east-1", "us-east-2", "us-west-2"]},
        "ArnLike": {"bedrock:InferenceProfileArn": "arn:aws:bedrock:*:111122223333:inference-profile/us.*"}
      }
    },
    {
      "Sid": "OwnPrefix",
      "Effect": "Allow",
      "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
      "Resource": "arn:aws:s3:::example-data/${aws:PrincipalTag/team, 'none'}/*"
    },
    {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": "arn:aws:s3:::example-data", "Condition": {"StringLike": {"s3:prefix": "${aws:PrincipalTag/team}/*"}}},
    {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents", "cloudwatch:PutMetricData", "xray:Put*"], "Resource": "*"},
    {
      "Sid": "PassOnlyTo",
      "Effect": "Allow",
      "Action": "iam:PassRole",
      "Resource": "arn:aws:iam::111122223333:role/service/*",
      "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    },
    {
      "Sid": "OnlyFromHere",
      "Effect": "Deny",
      "Action": "*",
      "Resource": "*",
      "Condition": {"NotIpAddressIfExists": {"aws:SourceIp": ["10.0.0.0/8", "203.0.113.0/24"]}, "Bool": {"aws:ViaAWSService": "false"}}
    },
    {"Sid": "UntilNewYear", "Effect": "Deny", "NotAction": ["sts:*", "iam:Get*"], "Resource": "*", "Condition": {"DateGreaterThan": {"aws:CurrentTime": "2031-01-01T00:00:00Z"}}}
  ]
}`

func BenchmarkParse(b *testing.B) {
	data := []byte(typical)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, problems := Parse("typical", data, Position{}); len(problems) > 0 {
			b.Fatal(problems)
		}
	}
}

func BenchmarkEvaluate(b *testing.B) {
	d, _ := Parse("typical", []byte(typical), Position{})
	p, err := ParsePrincipal("arn:aws:iam::111122223333:role/app")
	if err != nil {
		b.Fatal(err)
	}
	ctx := Context{}
	ctx.Set("aws:RequestedRegion", One("us-east-1"))
	ctx.Set("aws:SourceIp", One("203.0.113.7"))
	ctx.Set("aws:ViaAWSService", One("false"))
	ctx.Set("aws:CurrentTime", One("2030-01-01T00:00:00Z"))
	ctx.Set("bedrock:InferenceProfileArn", One("arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.anthropic.claude-sonnet-4-20250514-v1:0"))
	r := Request{Principal: p, Action: "bedrock:InvokeModel", Resource: "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-sonnet-4-20250514-v1:0", Context: ctx}
	l := Layers{Identity: []*Document{d}, Boundary: d, SCPs: [][]*Document{{d}, {d}}}
	if got := Evaluate(r, l).Outcome; got != Allowed {
		b.Fatal(got)
	}
	b.ReportAllocs()
	for b.Loop() {
		Evaluate(r, l)
	}
}
