package bedrock

import "testing"

func TestPartitionOf(t *testing.T) {
	for region, want := range map[string]string{
		"us-east-1": "aws", "eu-west-1": "aws", "us-gov-west-1": "aws-us-gov", "cn-north-1": "aws-cn",
		"us-iso-east-1": "aws-iso", "us-isob-east-1": "aws-iso-b", "eusc-de-east-1": "aws-eusc",
	} {
		if got := PartitionOf(region); got != want {
			t.Errorf("PartitionOf(%q) = %q, want %q", region, got, want)
		}
		if !ValidRegion(region) || !ValidPartition(want) {
			t.Errorf("%s in %s is not valid", region, want)
		}
	}
}

func TestInvalidRegionsAndAccounts(t *testing.T) {
	for _, r := range []string{"", "us", "us-1", "us-east", "us-east-1a", "us-east-123", "US-east-1", "us--east-1", "us-east-*", "-us-east-1", "us-east-1-", "us-east-1 ", "us-verylongregionname-1", "unspecified"} {
		if ValidRegion(r) {
			t.Errorf("region %q is valid", r)
		}
	}
	for _, a := range []string{"", "11112222333", "1111222233334", "11112222333a", "*"} {
		if ValidAccount(a) {
			t.Errorf("account %q is valid", a)
		}
	}
	if ValidPartition("aws-") || ValidPartition("") || ValidPartition("AWS") {
		t.Error("a partition that does not exist is valid")
	}
}
