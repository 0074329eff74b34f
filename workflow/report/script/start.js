startTables();
startChoice();
startRuns();
startFigures();
startExamples();
