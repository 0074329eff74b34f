startTables();
startChoice();
startFigures();
startFront();
startExamples();
startRuns(); // last: it scrolls to the runs that the address names, and nothing may grow above them then
