using Simulation.Hunting;

// A hunt when it is asked for seeds; the tests of this project otherwise (`dotnet test`, and editors).
if (HuntOptions.IsAskedFor(args))
{
    DeadlineAttribute.Lift();
    return Hunt.Run(args);
}
if (args.Any(arg => arg is "-automated" or "@@"))
    return await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args);
return await Xunit.MicrosoftTestingPlatform.TestPlatformTestFramework.RunAsync(args, Simulation.SelfRegisteredExtensions.AddSelfRegisteredExtensions);
