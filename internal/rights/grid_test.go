package rights

import (
	"testing"

	"github.com/writ-project/writ/internal/awsiam"
)

// A family of keys that one check knows to be absent and another leaves free
// tells the two apart, also where only a value refers to it.
func TestAGridTellsChecksApartByWhatValuesReferTo(t *testing.T) {
	facts := awsiam.EmbeddedFacts()
	foundation := CheckOf(facts, Leg{Action: "bedrock:InvokeModel", Resource: "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0", Region: "us-east-1"}, "")
	tagged := CheckOf(facts, Leg{Action: "bedrock:InvokeModel", Resource: "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abcdefghijkl", Region: "us-east-1"}, "")
	for _, statement := range []string{
		`"Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"${aws:ResourceTag/team}"}}`,
		`"Resource":"arn:aws:bedrock:*${aws:ResourceTag/none, '*'}"`,
		`"Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"a"}}`,
	} {
		d, problems := awsiam.Parse("p", []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"bedrock:*",`+statement+`}}`), awsiam.Position{})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		for _, cells := range [][][]Check{{{foundation}, {tagged}}, {{tagged}, {foundation}}} {
			u := Universe{Facts: facts, Correlated: true}
			c := Case{Principal: awsiam.Principal{ARN: "arn:aws:iam::111122223333:role/r", Account: "111122223333"}, Layers: awsiam.Layers{Identity: []*awsiam.Document{d}}, Known: Direct()}
			c.Known.Set("aws:PrincipalTag/team", awsiam.One("a"))
			row := make([]Decision, len(cells))
			NewGrid(u, cells).Row(&c, row)
			for i, checks := range cells {
				alone := c
				alone.Checks = checks
				if want := Solve(u, &alone).Decision; row[i].Can() != want.Can() || row[i].Can() && row[i] != want {
					t.Errorf("%s on %s: %s in the grid, %s alone", statement, checks[0].Resource, row[i], want)
				}
			}
		}
	}
}
