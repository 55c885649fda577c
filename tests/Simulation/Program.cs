using System.Diagnostics;
using System.Globalization;
using Simulation.Faults;
using Simulation.Kernel;
using Simulation.World;

return Simulation.Hunt.Run(args);

namespace Simulation
{
    internal static class Hunt
    {
        public static int Run(string[] args)
        {
            OneThread.Prepare();
            var seed = int.Parse(args[0], CultureInfo.InvariantCulture);
            var count = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 1;
            var profile = args.Length > 2 ? Enum.Parse<Profile>(args[2], true) : Profile.Mixed;
            var watch = Stopwatch.StartNew();
            var failed = 0;
            long steps = 0, jobs = 0, effects = 0;
            var time = TimeSpan.Zero;
            for (var next = seed; next < seed + count; next++)
            {
                var verdict = SimulatedWorld.Run(next, profile, keepHistory: count == 1);
                (steps, jobs, effects, time) = (steps + verdict.Steps, jobs + verdict.Jobs, effects + verdict.Effects, time + verdict.Time);
                if (count == 1 && args.Length > 3)
                {
                    foreach (var line in verdict.History.Lines)
                        Console.WriteLine(line);
                }
                if (verdict.Broken is { } broken)
                {
                    failed++;
                    Console.WriteLine($"seed {next}: {broken}");
                    foreach (var line in verdict.History.Around(broken.Names.ToArray(), 60))
                        Console.WriteLine($"  {line}");
                }
            }
            Console.WriteLine($"{count} seeds, {failed} failed, {watch.Elapsed.TotalSeconds:0.0} s, {steps} steps, {jobs} jobs, {effects} effects, {time} of virtual time");
            return failed == 0 ? 0 : 1;
        }
    }
}
