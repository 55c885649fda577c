namespace AzureLocal.Functions;

/// <summary>A loop that runs functions for what it fetches (messages, occurrences) until it is told to stop.</summary>
internal interface IPump
{
    /// <summary>Completes when stopping was asked for and the last function has ended; nothing is locked then.</summary>
    Task RunAsync(CancellationToken stopping);
}
