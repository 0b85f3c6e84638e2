package analyse

// service is a way in which a service of AWS can be made to work as a role that
// trusts it.
type service struct {
	principal string // that the role trusts, and that iam:PassedToService names
	// full: whoever directs the work has the role's credentials, or can have every
	// call made. Otherwise it calls models and nothing else.
	full    bool
	profile profileNeed
	embeds  bool // it calls models for embeddings only
	doubt   string
	runs    []recipe
}

// profileNeed says whether a way needs an instance profile that holds the role.
type profileNeed uint8

const (
	anyRole profileNeed = iota
	withProfile
	withoutProfile
)

// recipe is calls that must all be allowed. Those of one form are made on one
// resource.
type recipe []call

// call is an action on a resource of a form, as pathfinder.fits reads it.
type call struct{ action, form string }

// The forms of resources that recipes use
// (https://docs.aws.amazon.com/service-authorization/latest/reference/).
const (
	noResource     = "*"
	arnHead        = "arn:{partition}:"
	here           = ":{region}:{account}:"
	lambdaFunction = arnHead + "lambda" + here + "function:?*"
	ec2Instance    = arnHead + "ec2" + here + "instance/?*"
	ecsDefinition  = arnHead + "ecs" + here + "task-definition/?*:?*"
	ecsService     = arnHead + "ecs" + here + "service/?*/?*"
	batchJob       = arnHead + "batch" + here + "job-definition/?*"
	glueJob        = arnHead + "glue" + here + "job/?*"
	glueSession    = arnHead + "glue" + here + "session/?*"
	notebook       = arnHead + "sagemaker" + here + "notebook-instance/?*"
	buildProject   = arnHead + "codebuild" + here + "project/?*"
	stateMachine   = arnHead + "states" + here + "stateMachine:?*"
	schedule       = arnHead + "scheduler" + here + "schedule/?*/?*"
	stack          = arnHead + "cloudformation" + here + "stack/?*/?*"
	ssmDocument    = arnHead + "ssm" + here + "document/?*"
	agent          = arnHead + "bedrock" + here + "agent/?*"
	agentAlias     = arnHead + "bedrock" + here + "agent-alias/?*/?*"
	flow           = arnHead + "bedrock" + here + "flow/?*"
	flowAlias      = arnHead + "bedrock" + here + "flow/?*/alias/?*"
	knowledgeBase  = arnHead + "bedrock" + here + "knowledge-base/?*"
	batchInference = arnHead + "bedrock" + here + "model-invocation-job/?*"
	anyModel       = arnHead + "bedrock:{region}::foundation-model/{model}"
	agentRuntime   = arnHead + "bedrock-agentcore" + here + "runtime/?*"
	interpreter    = arnHead + "bedrock-agentcore" + here + "code-interpreter-custom/?*"
	harness        = arnHead + "bedrock-agentcore" + here + "harness/?*"
	agentGateway   = arnHead + "bedrock-agentcore" + here + "gateway/?*"
	profileForm    = arnHead + "iam::{account}:instance-profile/?*"
)

const unknownWork = "the input does not say what works as this role: it holds if something that may be changed or entered does"

// passed are the services that a role can be passed to, with what it takes to
// have something run there
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html).
var passed = []service{
	{principal: "lambda.amazonaws.com", full: true, runs: []recipe{
		{{"lambda:CreateFunction", lambdaFunction}, {"lambda:InvokeFunction", lambdaFunction}},
		{{"lambda:CreateFunction", lambdaFunction}, {"lambda:AddPermission", lambdaFunction}},
		{{"lambda:CreateFunction", lambdaFunction}, {"lambda:CreateEventSourceMapping", noResource}},
	}},
	{principal: "ec2.amazonaws.com", full: true, profile: withProfile, runs: []recipe{instances}},
	{principal: "ec2.amazonaws.com", full: true, profile: withoutProfile, runs: []recipe{
		append(recipe{{"iam:CreateInstanceProfile", profileForm}, {"iam:AddRoleToInstanceProfile", profileForm}}, instances...),
	}},
	{principal: "ecs-tasks.amazonaws.com", full: true, runs: []recipe{
		{{"ecs:RunTask", ecsDefinition}},
		{{"ecs:StartTask", ecsDefinition}},
		{{"ecs:RegisterTaskDefinition", ecsDefinition}, {"ecs:CreateService", ecsService}},
		{{"ecs:RegisterTaskDefinition", ecsDefinition}, {"ecs:UpdateService", ecsService}},
		{{"batch:RegisterJobDefinition", batchJob}, {"batch:SubmitJob", batchJob}},
	}},
	{principal: "codebuild.amazonaws.com", full: true, runs: []recipe{
		{{"codebuild:CreateProject", buildProject}, {"codebuild:StartBuild", buildProject}},
		{{"codebuild:UpdateProject", buildProject}, {"codebuild:StartBuild", buildProject}},
		{{"codebuild:CreateProject", buildProject}, {"codebuild:StartBuildBatch", buildProject}},
	}},
	{principal: "glue.amazonaws.com", full: true, runs: []recipe{
		{{"glue:CreateJob", glueJob}, {"glue:StartJobRun", glueJob}},
		{{"glue:UpdateJob", glueJob}, {"glue:StartJobRun", glueJob}},
		{{"glue:CreateSession", glueSession}, {"glue:RunStatement", glueSession}},
		{{"glue:CreateDevEndpoint", noResource}},
	}},
	{principal: "sagemaker.amazonaws.com", full: true, runs: []recipe{
		{{"sagemaker:CreateNotebookInstance", notebook}, {"sagemaker:CreatePresignedNotebookInstanceUrl", notebook}},
		{{"sagemaker:CreateTrainingJob", arnHead + "sagemaker" + here + "training-job/?*"}},
		{{"sagemaker:CreateProcessingJob", arnHead + "sagemaker" + here + "processing-job/?*"}},
	}},
	{principal: "states.amazonaws.com", full: true, runs: []recipe{
		{{"states:CreateStateMachine", stateMachine}, {"states:StartExecution", stateMachine}},
		{{"states:UpdateStateMachine", stateMachine}, {"states:StartExecution", stateMachine}},
	}},
	{principal: "scheduler.amazonaws.com", full: true, runs: []recipe{{{"scheduler:CreateSchedule", schedule}}, {{"scheduler:UpdateSchedule", schedule}}}},
	{principal: "ssm.amazonaws.com", full: true, runs: []recipe{{{"ssm:CreateDocument", ssmDocument}, {"ssm:StartAutomationExecution", ssmDocument}}}},
	{principal: "tasks.apprunner.amazonaws.com", full: true, runs: []recipe{{{"apprunner:CreateService", arnHead + "apprunner" + here + "service/?*/?*"}}}},
	{principal: "rolesanywhere.amazonaws.com", full: true, runs: []recipe{{{"rolesanywhere:CreateTrustAnchor", noResource}, {"rolesanywhere:CreateProfile", noResource}}}},
	{principal: "pods.eks.amazonaws.com", full: true, doubt: "it also takes a pod in the cluster, which IAM does not decide", runs: []recipe{
		{{"eks:CreatePodIdentityAssociation", arnHead + "eks" + here + "cluster/?*"}},
	}},
	{principal: "cloudformation.amazonaws.com", full: true, doubt: "a stack makes the calls that its types of resources need, and whether those lead to a model the role's policies alone do not say", runs: []recipe{
		{{"cloudformation:CreateStack", stack}}, {{"cloudformation:UpdateStack", stack}}, {{"cloudformation:CreateChangeSet", stack}, {"cloudformation:ExecuteChangeSet", stack}},
	}},
	{principal: "bedrock.amazonaws.com", runs: []recipe{
		{{"bedrock:CreateAgent", noResource}, {"bedrock:PrepareAgent", agent}, {"bedrock:InvokeAgent", agentAlias}},
		{{"bedrock:CreateFlow", noResource}, {"bedrock:PrepareFlow", flow}, {"bedrock:InvokeFlow", flowAlias}},
		{{"bedrock:CreateModelInvocationJob", anyModel}, {"bedrock:CreateModelInvocationJob", batchInference}},
		{{"bedrock:UpdateAgent", agent}, {"bedrock:PrepareAgent", agent}, {"bedrock:InvokeAgent", agentAlias}},
		{{"bedrock:UpdateFlow", flow}, {"bedrock:PrepareFlow", flow}, {"bedrock:InvokeFlow", flowAlias}},
		{{"bedrock:CreateEvaluationJob", anyModel}},
		{{"bedrock:CreateModelEvaluationJob", anyModel}},
	}},
	{principal: "bedrock.amazonaws.com", embeds: true, runs: []recipe{
		{{"bedrock:CreateKnowledgeBase", noResource}, {"bedrock:CreateDataSource", knowledgeBase}, {"bedrock:StartIngestionJob", knowledgeBase}},
	}},
	{principal: agentCore, full: true, runs: []recipe{
		{{"bedrock-agentcore:CreateCodeInterpreter", noResource}, {"bedrock-agentcore:StartCodeInterpreterSession", interpreter}, {"bedrock-agentcore:InvokeCodeInterpreter", interpreter}},
		{{"bedrock-agentcore:CreateAgentRuntime", noResource}, {"bedrock-agentcore:InvokeAgentRuntime", agentRuntime}},
		{{"bedrock-agentcore:UpdateAgentRuntime", agentRuntime}, {"bedrock-agentcore:InvokeAgentRuntime", agentRuntime}},
		{{"bedrock-agentcore:CreateHarness", noResource}, {"bedrock-agentcore:InvokeHarness", harness}},
		{{"bedrock-agentcore:UpdateHarness", harness}, {"bedrock-agentcore:InvokeHarness", harness}},
	}},
	{principal: agentCore, runs: []recipe{
		{{"bedrock-agentcore:CreateGateway", noResource}, {"bedrock-agentcore:CreateGatewayTarget", agentGateway}, {"bedrock-agentcore:InvokeGateway", agentGateway}},
	}},
}

const agentCore = "bedrock-agentcore.amazonaws.com"

// instances starts a machine that runs what its user data says.
var instances = recipe{
	{"ec2:RunInstances", ec2Instance}, {"ec2:RunInstances", arnHead + "ec2:{region}::image/ami-?*"}, {"ec2:RunInstances", arnHead + "ec2" + here + "subnet/?*"},
	{"ec2:RunInstances", arnHead + "ec2" + here + "network-interface/?*"}, {"ec2:RunInstances", arnHead + "ec2" + here + "security-group/?*"},
}

// running are the services in which something may work as a role already, with
// what directs it. Which role it works as, account details do not say.
var running = []service{
	{principal: "lambda.amazonaws.com", full: true, doubt: unknownWork, runs: []recipe{{{"lambda:UpdateFunctionCode", lambdaFunction}}}},
	{principal: "ec2.amazonaws.com", full: true, profile: withProfile, doubt: unknownWork, runs: []recipe{
		{{"ssm:SendCommand", ec2Instance}, {"ssm:SendCommand", ssmDocument}}, {{"ssm:StartSession", ec2Instance}},
		{{"ec2-instance-connect:SendSSHPublicKey", ec2Instance}}, {{"ec2:ModifyInstanceAttribute", ec2Instance}},
	}},
	{principal: "ecs-tasks.amazonaws.com", full: true, doubt: unknownWork, runs: []recipe{
		{{"ecs:ExecuteCommand", arnHead + "ecs" + here + "cluster/?*"}, {"ecs:ExecuteCommand", arnHead + "ecs" + here + "task/?*/?*"}},
	}},
	{principal: "codebuild.amazonaws.com", full: true, doubt: unknownWork, runs: []recipe{{{"codebuild:StartBuild", buildProject}}, {{"codebuild:StartBuildBatch", buildProject}}}},
	{principal: "states.amazonaws.com", full: true, doubt: unknownWork, runs: []recipe{{{"states:UpdateStateMachine", stateMachine}}}},
	{principal: "glue.amazonaws.com", full: true, doubt: unknownWork, runs: []recipe{{{"glue:UpdateDevEndpoint", arnHead + "glue" + here + "devEndpoint/?*"}}}},
	{principal: "sagemaker.amazonaws.com", full: true, doubt: unknownWork, runs: []recipe{
		{{"sagemaker:CreatePresignedNotebookInstanceUrl", notebook}}, {{"sagemaker:CreatePresignedDomainUrl", arnHead + "sagemaker" + here + "user-profile/?*/?*"}},
	}},
}
