using System.Reflection;
using System.Reflection.Emit;

namespace AzureLocal.Functions;

/// <summary>
/// Calls of a method, or of a constructor, as fast as if they were written in C#. Emitted rather than built of expression
/// trees, whose compiler alone takes a tenth of a second to warm up.
/// </summary>
internal static class Compiled
{
    public delegate object? Call(object? instance, object?[] arguments);

    public static Call Of(MethodBase method)
    {
        var body = new DynamicMethod(
            method.Name, typeof(object), [typeof(object), typeof(object[])], method.DeclaringType!.Module, skipVisibility: true);
        var il = body.GetILGenerator();
        if (method is MethodInfo { IsStatic: false })
        {
            il.Emit(OpCodes.Ldarg_0);
            il.Emit(OpCodes.Castclass, method.DeclaringType);
        }
        foreach (var parameter in method.GetParameters())
        {
            il.Emit(OpCodes.Ldarg_1);
            il.Emit(OpCodes.Ldc_I4, parameter.Position);
            il.Emit(OpCodes.Ldelem_Ref);
            il.Emit(OpCodes.Unbox_Any, parameter.ParameterType);
        }
        if (method is ConstructorInfo constructor)
            il.Emit(OpCodes.Newobj, constructor);
        else
            EmitCall(il, (MethodInfo)method);
        il.Emit(OpCodes.Ret);
        return body.CreateDelegate<Call>();
    }

    private static void EmitCall(ILGenerator il, MethodInfo method)
    {
        il.Emit(method.IsVirtual ? OpCodes.Callvirt : OpCodes.Call, method);
        if (method.ReturnType == typeof(void))
            il.Emit(OpCodes.Ldnull);
        else if (method.ReturnType.IsValueType)
            il.Emit(OpCodes.Box, method.ReturnType);
    }

    /// <summary>Waits for what a method of this return type returned, and unwraps it.</summary>
    public static Func<object?, ValueTask<object?>> Result(Type returnType)
    {
        if (returnType == typeof(Task))
            return static async returned => { await (Task)returned!; return null; };
        if (returnType == typeof(ValueTask))
            return static async returned => { await (ValueTask)returned!; return null; };
        if (!returnType.IsGenericType)
            return static returned => ValueTask.FromResult(returned);
        var unwrap = returnType.GetGenericTypeDefinition() == typeof(Task<>) ? nameof(OfTask)
            : returnType.GetGenericTypeDefinition() == typeof(ValueTask<>) ? nameof(OfValueTask)
            : null;
        if (unwrap is null)
            return static returned => ValueTask.FromResult(returned);
        return typeof(Compiled).GetMethod(unwrap, BindingFlags.NonPublic | BindingFlags.Static)!
            .MakeGenericMethod(returnType.GetGenericArguments())
            .CreateDelegate<Func<object?, ValueTask<object?>>>();
    }

    private static async ValueTask<object?> OfTask<T>(object? returned) => await (Task<T>)returned!;

    private static async ValueTask<object?> OfValueTask<T>(object? returned) => await (ValueTask<T>)returned!;
}
