module trialmill/cluster/pause

go 1.24
