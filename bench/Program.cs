using Bench;

// One process for each run, as the peers have it: `bench run …` is such a child, everything else plans children and reports.
if (args is ["run", .. var child])
    return await Child.RunAsync(RunOptions.Parse(child));

if (Command.Parse(args, out var wrong) is not { } command)
{
    Console.Error.WriteLine(wrong);
    return 2;
}
return await new Session(command).RunAsync();
